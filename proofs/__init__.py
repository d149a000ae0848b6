"""Machine-checked proofs of the kernel's core lemmas: `make prove`, explained in docs/proofs.md."""
