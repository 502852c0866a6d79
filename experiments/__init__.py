"""Experiments: one module a question, each with its STUDY and its CLAIMS."""
