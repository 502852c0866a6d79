"""The ledger of claims (claims.csv) and the command that runs and shows them: ./launch.sh claims."""
