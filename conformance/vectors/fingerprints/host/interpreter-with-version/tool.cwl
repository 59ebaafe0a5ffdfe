cwlVersion: v1.2
class: CommandLineTool
baseCommand: [python3.11, -c, 'run("align")']
inputs: []
outputs: []
