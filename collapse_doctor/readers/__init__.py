"""Read: one file per format, each giving chunks of embedding rows and labels."""
