package stairs

const (
	LIMIT uint64 = 40
	NAME         = "steps"
)

func climb(step uint64) uint64 {
	if step <= 1 || step == LIMIT {
		return 1
	}
	return climb(step-1) + climb(step-2)
}

func twice(steps []uint64) uint64 {
	doubled := each(steps, func(step uint64) uint64 { return climb(step) * 2 })
	return total(doubled, NAME)
}
