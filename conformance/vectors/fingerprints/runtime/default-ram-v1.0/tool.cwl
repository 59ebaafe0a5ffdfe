cwlVersion: v1.0
class: CommandLineTool
baseCommand: align
arguments: [$(runtime.ram)]
inputs: []
outputs: []
