# What a program's --help says, as lines for a manual page (-v as=roff) or as a table (-v as=table: option, its value, what it does; tab
# between them). An item is a line that begins with two blanks and an option or a command; what is behind two more blanks or below, further
# in, says what it does.
function roff(text) { gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); if (text ~ /^[.']/) text = "\\\\&" text; return text }
function flush_item() {
  if (tag == "") return
  if (as == "roff") printf ".TP\n.B \"%s\"\n%s\n", roff(tag), roff(text)
  else if (tag ~ /^-/) { split(tag, word, " "); printf "%s\t%s\t%s\n", word[1], word[2], text }
  tag = text = ""
}
/^  (-|[a-z-]+ [a-z]+  )/ {
  flush_item()
  line = substr($0, 3)
  if (match(line, /^-[-a-z]+ [A-Z:]+ /) && line !~ /  /) { tag = substr(line, 1, RLENGTH - 1); text = substr(line, RLENGTH + 1) }
  else if (match(line, /  +/)) { tag = substr(line, 1, RSTART - 1); text = substr(line, RSTART + RLENGTH) } else { tag = line; text = "" }
  next
}
tag != "" && /^      / { sub(/^ +/, ""); text = text (text == "" ? "" : " ") $0; next }
{
  flush_item()
  if (as != "roff") next
  if ($0 == "") { print ".PP"; next }
  if ($0 ~ /^(usage:| {7}[a-z])/) { print (usage++ ? ".br" : ".PP"); sub(/^(usage:)? +/, ""); printf ".B \"%s\"\n", roff($0); next }
  print roff($0)
}
END { flush_item() }
