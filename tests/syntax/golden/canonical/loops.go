package find

func search(items []int, wanted int) int {
	index := 0
	for index < count(items) {
		if items[index] == 0 {
			index += 1
			continue
		}
		if items[index] == wanted {
			break
		}
		index += 1
	}
	for _, item := range items {
		index = index - item
	}
	return index
}
