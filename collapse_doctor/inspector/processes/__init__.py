"""How several processes that watch one training come to one recording."""
