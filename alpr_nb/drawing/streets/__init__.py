"""Vehicles and the scenes around them."""
