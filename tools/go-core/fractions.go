package main

import "encoding/json"

// sumsFractions tells whether the flag holds a percentage with three or more entries of which one is no whole number: only the sum of
// such depends on the order of a Go map. It looks at every object of the flag, which finds more than need be and misses none.
func sumsFractions(input json.RawMessage) bool {
	var read struct {
		Flag any `json:"flag"`
	}
	return json.Unmarshal(input, &read) == nil && holdsFractions(read.Flag)
}

func holdsFractions(value any) bool {
	switch value := value.(type) {
	case []any:
		for _, child := range value {
			if holdsFractions(child) {
				return true
			}
		}
	case map[string]any:
		fraction := false
		for _, child := range value {
			if holdsFractions(child) {
				return true
			}
			if number, ok := child.(float64); ok && number != float64(int64(number)) {
				fraction = true
			}
		}
		return fraction && len(value) >= 3
	}
	return false
}
