# Here-documents.
name=world
cat <<END
hello $name $((1 + 1)) $(echo sub) \$escaped \\ "quoted"
END
cat <<'END'
hello $name $((1 + 1)) `no`
END
cat <<-END
	tabs
		are gone
	END
cat <<A; cat <<B
first
A
second
B
while read -r line; do echo "[$line]"; done <<END
  leading and trailing  
back\\slash
END
cat <<END | tr a-z A-Z
through a pipe
END
f() { cat; }
f <<END
to a function
END
i=0; { while [ $i -lt 3000 ]; do echo "line $i of a long document"; i=$((i + 1)); done; } > /tmp/long
sh -c "cat <<END
$(cat /tmp/long)
END" | cksum
cat 3<<X 4<<Y /dev/fd/3 /dev/fd/4
three
X
four
Y
