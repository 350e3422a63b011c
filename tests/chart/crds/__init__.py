"""Schemas of the operators' custom resources; where they are from says NOTICE."""
