"""File exchange: the MADES web service for applications that only use folders."""
