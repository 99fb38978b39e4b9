package directory

import (
	"regexp"
	"strings"
)

// compileGlob turns a pattern into a linear-time expression: `*` and `**` match any run with
// `/` in it, `?` one character, `[a-z]` and `[!a]` classes, `{a,b*}` alternatives, `\` escapes.
// A pattern that is not one matches nothing: nil.
func compileGlob(pattern string) *regexp.Regexp {
	var out strings.Builder
	out.WriteString(`(?s)^(?:`)
	runes := []rune(pattern)
	alternatives := 0
	for index := 0; index < len(runes); index++ {
		switch char := runes[index]; char {
		case '*':
			out.WriteString(`.*`)
		case '?':
			out.WriteString(`.`)
		case '\\':
			if index++; index == len(runes) {
				return nil
			}
			out.WriteString(regexp.QuoteMeta(string(runes[index])))
		case '{':
			alternatives++
			out.WriteString(`(?:`)
		case '}':
			if alternatives--; alternatives < 0 {
				return nil
			}
			out.WriteString(`)`)
		case ',':
			if alternatives > 0 {
				out.WriteString(`|`)
			} else {
				out.WriteString(`,`)
			}
		case '[':
			class, length := compileClass(runes[index:])
			if length == 0 {
				return nil
			}
			out.WriteString(class)
			index += length - 1
		default:
			out.WriteString(regexp.QuoteMeta(string(char)))
		}
	}
	out.WriteString(`)$`)
	expression, err := regexp.Compile(out.String())
	if err != nil || alternatives != 0 {
		return nil
	}
	return expression
}

// compileClass reads `[...]` and says how many characters it took; 0 when it never closes.
func compileClass(runes []rune) (string, int) {
	var out strings.Builder
	out.WriteString("[")
	index := 1
	if index < len(runes) && runes[index] == '!' {
		out.WriteString("^")
		index++
	}
	start := index
	for ; index < len(runes); index++ {
		switch char := runes[index]; {
		case char == ']' && index > start:
			out.WriteString("]")
			return out.String(), index + 1
		case char == '-' && index > start:
			out.WriteString("-")
		case char == '\\' && index+1 < len(runes):
			index++
			out.WriteString(regexp.QuoteMeta(string(runes[index])))
		default:
			out.WriteString(classChar(char))
		}
	}
	return "", 0
}

func classChar(char rune) string {
	if strings.ContainsRune(`[]^\-&~`, char) {
		return `\` + string(char)
	}
	return string(char)
}
