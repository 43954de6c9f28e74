"""Pictures and films of flow."""
