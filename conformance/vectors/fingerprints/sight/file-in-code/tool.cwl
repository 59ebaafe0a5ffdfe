cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {InlineJavascriptRequirement: {}}
arguments: ['${ return inputs.f; }']
inputs: {f: File}
outputs: []
