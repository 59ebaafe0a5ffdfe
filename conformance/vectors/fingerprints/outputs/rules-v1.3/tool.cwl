cwlVersion: v1.3.0-dev1
class: CommandLineTool
baseCommand: align
inputs: []
outputs: {n: {type: File, outputBinding: {glob: x}}}
