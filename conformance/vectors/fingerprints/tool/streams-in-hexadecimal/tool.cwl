cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
stdout: 0123456789abcdef0123456789abcdef01234567
inputs: []
outputs: {o: stdout}
