"""Trainings that have not happened yet, as the activities that they would consist of."""
