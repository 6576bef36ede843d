"""The page at `/`: a client of the same services as the API."""
