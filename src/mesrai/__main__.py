"""`python -m mesrai`, and the installed command."""

from mesrai.cli.main import main

if __name__ == "__main__":
    main()
