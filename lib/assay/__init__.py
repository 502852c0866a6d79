"""assay: which initialisation, activation and architecture choice matters, how much, and how sure are we?"""
