"""The bundled models and what trained them."""
