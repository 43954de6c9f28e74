"""Features of an encoder, extracted into stores."""
