cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {InlineJavascriptRequirement: {}}
arguments: ['$(inputs["o" + "ther"].text)']
inputs: {n: int}
outputs: []
