"""The store over a database: SQLite or PostgreSQL, through SQLAlchemy Core."""
