"""What a service can be trusted with, in figures: `bench/TRUST.md`."""
