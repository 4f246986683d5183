# awk -f readme_code.awk README.md: code below `<!-- code of FILE -->` must stand in FILE, line by line (indentation aside).
function bare(line) { sub(/^[ \t]+/, "", line); return line }
/^<!-- code of / { file = $4; next }
/^```cpp/ && file { inside = 1; n = 0; next }
/^```/ && inside {
  inside = 0; text = "\n"; while ((getline line < file) > 0) text = text bare(line) "\n"; close(file)
  block = "\n"; for (i = 1; i <= n; ++i) block = block code[i] "\n"
  checked += 1
  if (!index(text, block)) { print FILENAME ": the code of " file " is not what stands there"; wrong = 1 }
  file = ""; next
}
inside { code[++n] = bare($0) }
END { if (!checked) print FILENAME ": no code was found to check"; exit wrong || !checked }
