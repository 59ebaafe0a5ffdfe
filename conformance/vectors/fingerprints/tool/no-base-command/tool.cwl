cwlVersion: v1.2
class: CommandLineTool
arguments: [align, {valueFrom: first, position: -2}]
inputs: []
outputs: []
