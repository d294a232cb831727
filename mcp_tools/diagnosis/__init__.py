"""Diagnosis: one concurrent sweep of a cluster, rules by area over what it saw, and findings with typed fixes."""
