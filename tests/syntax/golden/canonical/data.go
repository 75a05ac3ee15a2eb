package shelf

func label(box_ *Shelf, key int) string {
	names := []string{"left", "right"}
	sizes := [3]int{1, 2, 3}
	first := names[0]
	box_.inner.width = sizes[key]
	box_.inner.place(first, pick(names, key), "it's")
	return box_.title.trim().upper(names[key+1])
}
