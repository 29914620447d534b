"""The demonstration GUI (F3) as the runtime sees it: its libraries, publishing, the way to its pages, signing in."""
