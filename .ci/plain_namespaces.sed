# Documentation shows names as users write them: without the inline namespaces of the version and instruction set.
s/::PST_(ABI|ISA)//g
