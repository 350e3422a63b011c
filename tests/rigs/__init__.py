"""What tests break things with: a proxy, a network of its own, a small disk."""
