"""The controllers: each brings the objects of its kinds closer to what their specs say."""
