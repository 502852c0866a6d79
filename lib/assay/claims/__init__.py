"""Claims: statements about arms, what was published about them, and the verdicts that trials give."""

from assay.claims import references
from assay.claims.claim import Claim
from assay.claims.published import compare
from assay.claims.published import Published
from assay.claims.verdict import judge
from assay.claims.verdict import undecided
from assay.claims.verdict import Verdict

__all__ = ["Claim", "Published", "Verdict", "compare", "judge", "references", "undecided"]
