"""The built-in tasks of Storehand."""
