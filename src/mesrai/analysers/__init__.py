"""Static analysers, run as outside programs on copies of the files."""
