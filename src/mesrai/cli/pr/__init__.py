"""`mesrai pr`: a pull request from the terminal."""
