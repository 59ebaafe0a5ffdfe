cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, run.sh]
requirements: {InlineJavascriptRequirement: {}}
arguments: [$(JSON.stringify(inputs.sort))]
inputs:
  sort: Any
  align: int
outputs: []
