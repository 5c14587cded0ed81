"""What publishing looks at and decides, apart from doing it."""
