"""The demonstration GUI (F3) on the server side: its libraries, publishing, serving its pages, and sign-in."""
