"""Codes painted on steel walls: containers and wagons."""
