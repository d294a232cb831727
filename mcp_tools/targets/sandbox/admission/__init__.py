"""Admission: what changes or refuses an object on its way into the store."""
