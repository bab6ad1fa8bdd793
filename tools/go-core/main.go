// Answers JSON lines of flag evaluations with GO Feature Flag's own core, for comparison with Edict's kernel.
//
// A line in is {"id": any, "input": {"flagKey", "flag", "evalContext", "flagContext"}}, as `edict eval --vectors` reads it. A line out,
// in the same order, is {"id", "output"}, or {"id", "panic": text} where the core panicked.
//
// In place of "input" a line may carry "inputText", the input as one string, which need not be JSON.
//
// A line may carry "tries": 1000, to be answered that often: what the core says only now and then comes as "others". (It goes
// through percentages in the order of a Go map, which is another each time.)
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/thomaspoignant/go-feature-flag/modules/core/evaluation"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
	"github.com/thomaspoignant/go-feature-flag/modules/core/model"
	"github.com/thomaspoignant/go-feature-flag/modules/core/utils"
)

type line struct {
	ID        json.RawMessage `json:"id"`
	Input     json.RawMessage `json:"input"`
	InputText *string         `json:"inputText"`
	Tries     int             `json:"tries"`
}

// EvaluateInput has the name and the members that the decoder's error texts quote.
type EvaluateInput struct {
	FlagKey     string            `json:"flagKey"`
	Flag        flag.InternalFlag `json:"flag"`
	EvalContext map[string]any    `json:"evalContext"`
	FlagContext flag.Context      `json:"flagContext"`
}

type answer struct {
	ID     json.RawMessage   `json:"id"`
	Output json.RawMessage   `json:"output,omitempty"`
	Panic  string            `json:"panic,omitempty"`
	Others []json.RawMessage `json:"others,omitempty"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("go-core: ")
	// The core logs each query that it cannot parse: here most of them are meant to be so.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if err := answerLines(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func answerLines(in io.Reader, out io.Writer) error {
	reader := bufio.NewReaderSize(in, 1<<20)
	writer := bufio.NewWriterSize(out, 1<<16)
	encoder := json.NewEncoder(writer)
	for number := 1; ; number++ {
		text, err := reader.ReadBytes('\n')
		if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 {
			var asked line
			if err := json.Unmarshal(trimmed, &asked); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			if err := encoder.Encode(answerTo(asked)); err != nil {
				return err
			}
		}
		// Somebody who asks line by line waits for this answer before asking again.
		if reader.Buffered() == 0 || err != nil {
			if flushErr := writer.Flush(); flushErr != nil {
				return flushErr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func answerTo(asked line) answer {
	if asked.ID == nil {
		asked.ID = json.RawMessage("null")
	}
	if asked.InputText != nil {
		asked.Input = json.RawMessage(*asked.InputText)
	}
	output, panicked := evaluate(asked.Input)
	if panicked != "" {
		return answer{ID: asked.ID, Panic: panicked}
	}
	given := answer{ID: asked.ID, Output: output}
	seen := map[string]bool{string(output): true}
	for range asked.Tries - 1 {
		if again, _ := evaluate(asked.Input); !seen[string(again)] {
			seen[string(again)] = true
			given.Others = append(given.Others, again)
		}
	}
	return given
}

// evaluate decodes afresh each time: a scheduled rollout may change the flag it is given.
func evaluate(text json.RawMessage) (output json.RawMessage, panicked string) {
	defer func() {
		if caught := recover(); caught != nil {
			output, panicked = nil, fmt.Sprint(caught)
		}
	}()
	var input EvaluateInput
	if err := json.Unmarshal(text, &input); err != nil {
		return refusal(flag.ErrorCodeParseError, err.Error()), ""
	}
	targetingKey, _ := input.EvalContext["targetingKey"].(string)
	context := utils.ConvertEvaluationCtxFromRequest(targetingKey, input.EvalContext)
	// With the type `any` every value fits, so the only error there could be is a wrong type.
	result, err := evaluation.Evaluate[any](
		&input.Flag, input.FlagKey, context, input.FlagContext, "interface{}", input.FlagContext.DefaultSdkValue)
	if err != nil {
		return refusal(flag.ErrorCodeGeneral, err.Error()), ""
	}
	return marshal(result), ""
}

func refusal(code flag.ErrorCode, details string) json.RawMessage {
	return marshal(model.VariationResult[any]{ErrorCode: code, ErrorDetails: details})
}

func marshal(result model.VariationResult[any]) json.RawMessage {
	text, err := json.Marshal(result)
	if err != nil {
		panic(err)
	}
	return text
}
