cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {InlineJavascriptRequirement: {}}
arguments: ['$(inputs["f"+""])']
inputs: {f: File}
outputs: []
