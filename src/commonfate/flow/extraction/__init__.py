"""From videos to stored flow."""
