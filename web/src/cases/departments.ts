// Which departments answer at a place, for whatever category.
import { answered, client } from '../api/client';

export interface Department {
  id: string;
  name: string;
}

export async function departmentsAt({ lon, lat }: { lon: number; lat: number }): Promise<Department[]> {
  const list = await answered(client.GET('/v1/responsibilities', { params: { query: { lon, lat } as never } }));
  const found = list.categories.flatMap((category) => category.departments.map(({ id, name }) => [id, { id, name: name ?? id }] as const));
  return [...new Map(found).values()];
}
