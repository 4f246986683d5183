# For Doxygen, which knows the headers alone: links of a Markdown file become their text.
s/!?\[([^]]*)\]\([^)]*\)/\1/g
