cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {InlineJavascriptRequirement: {}}
arguments: ['$(") inputs.f" + 1)']
inputs: {f: File}
outputs: []
