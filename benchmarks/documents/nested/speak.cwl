cwlVersion: v1.2
class: CommandLineTool
requirements:
  InlineJavascriptRequirement: {}
baseCommand: echo
arguments:
  - '${ return inputs.word.toUpperCase(); }'
inputs:
  word: string
stdout: $(inputs.word + ".txt")
outputs:
  spoken: stdout
