"""`mesrai auth`: the team's server, whose connection reviews in a terminal may use."""
